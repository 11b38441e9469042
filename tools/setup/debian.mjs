import { readdirSync, statSync } from "node:fs";
import { output, say, sudo } from "./steps.mjs";

/** What the image builds, the virtual machines and the tests' other ends run. */
const PACKAGES = [
  // virtual machines and their firmware
  "qemu-system-x86",
  "qemu-utils",
  "ovmf",
  "ipxe-qemu",
  // first-stage boot files
  "ipxe",
  "shim-signed",
  "grub-efi-amd64-signed",
  // image builds
  "mmdebstrap",
  "squashfs-tools",
  "busybox-static",
  "zstd",
  "xz-utils",
  "cpio",
  "mtools",
  "dosfstools",
  "gdisk",
  "e2fsprogs",
  "kmod",
  "binutils",
  // networks, the site's own DHCP server, captures, the reference's HTTP server
  "iproute2",
  "util-linux",
  "dnsmasq-base",
  "tcpdump",
  "python3",
];

const DAY = 86_400_000;
const NONINTERACTIVE = { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
const ASK_NOTHING = ["env", "DEBIAN_FRONTEND=noninteractive"];

/** Installs what is missing. */
export async function debianPackages() {
  const missing = await missingPackages();
  if (missing.length === 0) return;
  say(`installing ${missing.length} Debian packages: ${missing.join(" ")}`);
  if (!listsAreFresh()) await update();
  await install(missing).catch(async () => {
    await update(); // a list that is older than its server's packages
    await install(missing);
  });
}

async function missingPackages() {
  const format = "-f=$" + "{Package} $" + "{db:Status-Status}\n"; // for dpkg-query, not for us
  // it fails when one of them is unknown, and says the rest all the same
  const known = await output(
    ["sh", "-c", 'dpkg-query -W "$@" 2>/dev/null || true', "sh", format, ...PACKAGES],
    NONINTERACTIVE,
  );
  const installed = new Set(
    known.split("\n").flatMap((line) => (line.endsWith(" installed") ? [line.split(" ")[0]] : [])),
  );
  return PACKAGES.filter((name) => !installed.has(name));
}

function listsAreFresh() {
  try {
    const lists = readdirSync("/var/lib/apt/lists").filter((name) => name.endsWith("Release"));
    return lists.some((name) => Date.now() - statSync(`/var/lib/apt/lists/${name}`).mtimeMs < DAY);
  } catch {
    return false;
  }
}

const update = () => quietly(["apt-get", "-q", "update"]);

const install = (names) =>
  quietly(["apt-get", "-q", "-y", "--no-install-recommends", "install", ...names]);

/** apt's own messages only matter when it fails, and then they are on stderr. */
const quietly = (argv) => output([...sudo(), ...ASK_NOTHING, ...argv], NONINTERACTIVE);
