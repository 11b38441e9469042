import { UnsafeValue, word } from "./word.ts";

/**
 * Configs for Debian's signed network GRUB (grubnetx64.efi.signed), which asks our TFTP for
 * `grub/grub.cfg`, also when iPXE has loaded it over HTTP (tried). It has no http module.
 */
export const GRUB_CONFIG = "grub/grub.cfg";

/** The same, asked for when something could not be fetched: no boot, but the same one again. */
export const GRUB_RETRY = "grub/retry.cfg";

/** Paths are below the root of our TFTP server. */
export interface GrubLinux {
  readonly kernel: string;
  readonly initrds: readonly string[];
  readonly args: readonly string[];
}

/**
 * Starts the loader of the first disk that has one. Where the firmware has not connected its
 * disks there is none: `exit` then fails in the firmware's eyes, and it goes on with its next boot
 * option (tried under iPXE: `chain` fails).
 */
export const localGrubConfig = (): string => config([...LOADERS.flatMap(tryLoader), "exit"]);

const LOADERS = ["/EFI/BOOT/BOOTX64.EFI", "/EFI/BOOT/BOOTAA64.EFI"];

/** GRUB knows no `&&`. */
const tryLoader = (loader: string): string[] => [
  `if search --no-floppy --file --set=root ${loader}; then`,
  `  if chainloader ${loader}; then boot; fi`,
  "fi",
];

/** The agent or a netboot image under Secure Boot, where there is no iPXE. @throws {@link UnsafeValue} */
export const linuxGrubConfig = ({ kernel, initrds, args }: GrubLinux): string =>
  config([
    `linux ${path(kernel)} ${[...args.map(quoted), "BOOTIF=01-$net_default_mac"].join(" ")}`,
    ...(initrds.length > 0 ? [`initrd ${initrds.map(path).join(" ")}`] : []),
    "boot",
    ...askAgain(GRUB_RETRY, 5),
  ]);

/** Waits and asks again. @throws {@link UnsafeValue} */
export const holdGrubConfig = ({ seconds }: { readonly seconds: number }): string =>
  config(askAgain(GRUB_CONFIG, seconds));

function askAgain(name: string, seconds: number): string[] {
  if (!Number.isSafeInteger(seconds) || seconds < 1) throw new UnsafeValue(`${seconds} seconds`);
  return [`sleep ${seconds}`, `configfile /${name}`];
}

const config = (lines: readonly string[]): string => `${lines.join("\n")}\n`;

/** Single quotes take everything literally in GRUB; `word` allows none in it. */
const quoted = (value: string): string => `'${word(value)}'`;

const path = (value: string): string => quoted(value.startsWith("/") ? value : `/${value}`);
