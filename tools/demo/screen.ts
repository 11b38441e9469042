import { news, type Row, roomFor, summary, table } from "./table.ts";

/** Where the table is shown. */
export interface Screen {
  /** A line above the table that stays. */
  say(text: string): void;
  show(rows: readonly Row[], seconds: number): void;
  /** The last state: it stays, whatever is written next. */
  end(rows: readonly Row[], seconds: number): void;
}

/** Redraws in place on a terminal; elsewhere prints a line for each change, and the table at the end. */
export function openScreen(out: NodeJS.WriteStream): Screen {
  return out.isTTY ? terminal(out) : plain(out);
}

const CLEAR_BELOW = "\x1b[0J";
const up = (lines: number): string => (lines === 0 ? "" : `\x1b[${lines}A`);

const last = (rows: readonly Row[], seconds: number): string =>
  `${summary(rows)} · ${seconds.toFixed(0)} s`;

function terminal(out: NodeJS.WriteStream): Screen {
  let drawn = 0;
  const width = (): number => out.columns || 80; // some terminals do not know
  const draw = (lines: readonly string[]): void => {
    out.write(`\r${up(drawn)}${CLEAR_BELOW}${lines.map((line) => `${line}\n`).join("")}`);
    drawn = lines.length;
  };
  const block = (rows: readonly Row[], seconds: number, height: number): string[] => [
    ...table(roomFor(rows, height - 4), width()),
    "",
    last(rows, seconds).slice(0, width()),
  ];
  return {
    say: (text) => {
      draw([]);
      out.write(`${text}\n`);
    },
    show: (rows, seconds) => draw(block(rows, seconds, out.rows || 24)),
    end: (rows, seconds) => {
      draw(block(rows, seconds, Number.POSITIVE_INFINITY));
      drawn = 0;
    },
  };
}

function plain(out: NodeJS.WriteStream): Screen {
  const seen = new Map<string, Row>();
  const write = (text: string): void => void out.write(`${text}\n`);
  return {
    say: write,
    show: (rows, seconds) => {
      for (const row of rows) {
        const text = news(row, seen.get(row.machine));
        seen.set(row.machine, row);
        if (text !== null) write(`${seconds.toFixed(0).padStart(5)} s  ${text}`);
      }
    },
    end: (rows, seconds) => {
      for (const line of table(rows, Number.POSITIVE_INFINITY)) write(line);
      write(last(rows, seconds));
    },
  };
}
