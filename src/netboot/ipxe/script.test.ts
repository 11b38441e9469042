import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holdGrubConfig, linuxGrubConfig, localGrubConfig } from "./grub.ts";
import { holdScript, linuxScript, localScript } from "./script.ts";
import { UnsafeValue } from "./word.ts";

const GOLDEN = "../../../test/golden/ipxe";
const rack = "http://10.88.0.1:8080";
const selfUrl = `${rack}/ipxe/52:54:00:88:00:02?nonce=4f1d`;
const agent = {
  kernelUrl: `${rack}/boot/agent/vmlinuz`,
  initrdUrls: [`${rack}/boot/agent/initrd.img?digest=sha256:00`],
  args: ["console=ttyS0,115200", "quiet", `steelyard.rack=${rack}`, "panic=10"],
  retryUrl: `${selfUrl}&retry=1`,
};
const talos = {
  ...agent,
  initrdUrls: [`${rack}/boot/a/initrd`, `${rack}/boot/b/overlay.cpio.zst`],
  args: ["talos.platform=metal"],
};
const grub = { kernel: "agent/vmlinuz", initrds: ["agent/initrd.img"], args: ["console=ttyS0"] };

describe("boot scripts", () => {
  it.each([
    { file: "agent.ipxe", script: linuxScript(agent) },
    { file: "netboot-image.ipxe", script: linuxScript(talos) },
    { file: "local.ipxe", script: localScript({ loaderUrl: `${rack}/boot/grubnetx64.efi` }) },
    { file: "hold.ipxe", script: holdScript({ selfUrl, seconds: 30 }) },
    { file: "agent.grub.cfg", script: linuxGrubConfig(grub) },
    { file: "local.grub.cfg", script: localGrubConfig() },
    { file: "hold.grub.cfg", script: holdGrubConfig({ seconds: 30 }) },
  ])("are as recorded: $file", async ({ file, script }) => {
    await expect(script).toMatchFileSnapshot(`${GOLDEN}/${file}`);
  });

  it("never end in a plain exit, at which OVMF stops in its menu", () => {
    const script = localScript({ loaderUrl: `${rack}/x.efi` });
    expect(script).not.toMatch(/exit(?! 1)/);
  });

  it.each([
    { what: "a second line", value: "quiet\nshell" },
    { what: "a second argument", value: "quiet init=/bin/sh" },
    { what: "a setting of iPXE's", value: `a=$${"{net0/ip}"}` },
    { what: "a variable of GRUB's", value: "$prefix" },
    { what: "a second command", value: "||" },
    { what: "another one", value: "&&" },
    { what: "a comment", value: "#quiet" },
    { what: "a quote", value: "a'b" },
    { what: "a backslash", value: "a\\" },
    { what: "nothing", value: "" },
    { what: "a control character", value: "a\u0007" },
  ])("refuse an argument that holds $what", ({ value }) => {
    expect(() => linuxScript({ ...agent, args: [value] })).toThrow(UnsafeValue);
    expect(() => linuxGrubConfig({ ...grub, args: [value] })).toThrow(UnsafeValue);
  });

  it.each(["ftp://10.0.0.1/x", "http:///x", `${rack}/a b`, `${rack}/\n`, `${rack}/$x`, "/boot/x"])(
    "refuse %j as a URL",
    (url) => {
      expect(() => holdScript({ selfUrl: url, seconds: 1 })).toThrow(UnsafeValue);
      expect(() => localScript({ loaderUrl: url })).toThrow(UnsafeValue);
      expect(() => linuxScript({ ...agent, kernelUrl: url })).toThrow(UnsafeValue);
      expect(() => linuxScript({ ...agent, initrdUrls: [url] })).toThrow(UnsafeValue);
      expect(() => linuxScript({ ...agent, retryUrl: url })).toThrow(UnsafeValue);
    },
  );

  it.each([
    { what: "two initrds that iPXE would take for one", urls: [`${rack}/a/i`, `${rack}/b/i`] },
    { what: "an initrd without a name", urls: [`${rack}/`] },
  ])("refuse $what", ({ urls }) => {
    expect(() => linuxScript({ ...agent, initrdUrls: urls })).toThrow(UnsafeValue);
  });

  it.each([0, -1, 1.5, Number.NaN])("refuse to wait for %d seconds", (seconds) => {
    expect(() => holdScript({ selfUrl, seconds })).toThrow(UnsafeValue);
  });

  it("have as many lines of as many words, whatever the values are", () => {
    const shape = (script: string): number[] =>
      script.split("\n").map((line) => line.split(/\s/).length);
    const want = shape(linuxScript({ ...agent, args: ["a"] }));
    const unit = fc.constantFrom(..."az09=-./,:|&#%{}$'\"`\\ \t\r\n\0\u00e9");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 8 }), (value) => {
        try {
          expect(shape(linuxScript({ ...agent, args: [value] }))).toEqual(want);
        } catch (error) {
          expect(error).toBeInstanceOf(UnsafeValue);
        }
      }),
    );
  });
});
