import { UnsafeValue, word } from "./word.ts";

/** A Linux kernel with its initial file systems and command line. */
export interface LinuxBoot {
  readonly kernelUrl: string;
  readonly initrdUrls: readonly string[];
  /** One entry an argument, without spaces. `initrd=` and `BOOTIF=` are added here. */
  readonly args: readonly string[];
  /** Asked for another script when something cannot be fetched: no boot, but the same one again. */
  readonly retryUrl: string;
}

export interface LocalBoot {
  /** An EFI program that starts the loader on a disk: GRUB with the config of `grub.ts`. */
  readonly loaderUrl: string;
}

export interface Hold {
  readonly selfUrl: string;
  readonly seconds: number;
}

/**
 * Starts Linux from RAM: the agent, or a netboot image.
 *
 * The kernel's EFI stub finds its initrd by `initrd=NAME`, where iPXE shows it under the last part
 * of its URL (tried: `initrd --name` does not work with Debian's iPXE of 2019).
 *
 * @throws {@link UnsafeValue}
 */
export function linuxScript({ kernelUrl, initrdUrls, args, retryUrl }: LinuxBoot): string {
  const names = initrdUrls.map(lastPart);
  if (new Set(names).size < names.length) throw new UnsafeValue("two initrds of one name");
  const line = [
    ...names.map((name) => `initrd=${name}`),
    ...args.map(word),
    // Written as PXELINUX does: hardware type, then the MAC with hyphens.
    `BOOTIF=01-${setting("netX/mac:hexhyp")}`,
  ].join(" ");
  return script([
    "imgfree",
    `kernel ${url(kernelUrl)} ${line} || goto failed`,
    ...initrdUrls.map((each) => `initrd ${url(each)} || goto failed`),
    "boot || goto failed",
    ":failed",
    ...askAgain(retryUrl, 5),
  ]);
}

/**
 * Hands over to what is on the disk. Never a plain `exit`: OVMF takes it for success and stops in
 * its setup menu (tried); `exit 1` lets the firmware go on with its next boot option.
 *
 * @throws {@link UnsafeValue}
 */
export function localScript({ loaderUrl }: LocalBoot): string {
  return script([
    `iseq ${setting("platform")} efi && goto efi || goto bios`,
    ":bios",
    "sanboot --no-describe --drive 0x80 || exit 1",
    ":efi",
    `chain --autofree ${url(loaderUrl)} || exit 1`,
    "exit 1",
  ]);
}

/** Waits and asks again. @throws {@link UnsafeValue} */
export function holdScript({ selfUrl, seconds }: Hold): string {
  if (!Number.isSafeInteger(seconds) || seconds < 1) throw new UnsafeValue(`${seconds} seconds`);
  return script(askAgain(selfUrl, seconds));
}

/** `--replace`, so that a script that asks for days does not fill the memory with its callers. */
const askAgain = (selfUrl: string, seconds: number): string[] => [
  ":again",
  `sleep ${seconds}`,
  `chain --replace --autofree ${url(selfUrl)} || goto again`,
];

/** What iPXE puts its own value in for. */
const setting = (name: string): string => `\${${name}}`;

const script = (lines: readonly string[]): string => `${["#!ipxe", ...lines].join("\n")}\n`;

function url(value: string): string {
  if (!/^https?:\/\/[^/]/.test(value)) throw new UnsafeValue(`no URL: ${JSON.stringify(value)}`);
  return word(value);
}

/** The name under which iPXE keeps what it fetched. */
function lastPart(value: string): string {
  const name = new URL(url(value)).pathname.split("/").at(-1) ?? "";
  if (!/^[\w.-]+$/.test(name)) throw new UnsafeValue(`no file name: ${JSON.stringify(value)}`);
  return name;
}
