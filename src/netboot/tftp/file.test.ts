import { describe, expect, it } from "vitest";
import { safeName } from "./file.ts";

describe("safeName", () => {
  it.each([
    ["snponly.efi", "snponly.efi"],
    ["/grub/grub.cfg", "grub/grub.cfg"],
    ["//EFI/x", "EFI/x"],
    ["\\Boot\\x64\\wdsnbp.com", "Boot/x64/wdsnbp.com"],
    ["./grub/./x86_64-efi/fs.lst", "grub/x86_64-efi/fs.lst"],
    ["grub.cfg-01-52-54-00-88-00-02", "grub.cfg-01-52-54-00-88-00-02"],
  ])("reads %s as %s", (name, path) => {
    expect(safeName(name)).toBe(path);
  });

  it.each([
    "",
    "/",
    "..",
    "../etc/passwd",
    "a/../../b",
    "a/..",
    "..\\..\\x",
    "a\0b",
    "a b",
    "$x",
    "é",
  ])("refuses %j", (name) => {
    expect(safeName(name)).toBeNull();
  });
});
