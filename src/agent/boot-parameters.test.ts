import { describe, expect, it } from "vitest";
import { readBootParameters } from "./boot-parameters.ts";

const HASH = "ab".repeat(32);
const LINE = `steelyard.rack=http://10.0.0.1:8080/ steelyard.api=10.0.0.1:8443 steelyard.ca=sha256:${HASH} steelyard.token=t=1`;

describe("readBootParameters", () => {
  it("finds them among other arguments, the last one winning", () => {
    const line = `initrd=a console=ttyS0 steelyard.token=old ${LINE} BOOTIF=01-52-54-00-12-34-56\n`;
    expect(readBootParameters(line)).toStrictEqual({
      rackUrl: "http://10.0.0.1:8080",
      api: "10.0.0.1:8443",
      caSha256: HASH,
      token: "t=1",
      isStranger: false,
    });
    expect(readBootParameters(`${LINE} steelyard.stranger=yes`)).toMatchObject({
      isStranger: true,
    });
  });

  it.each(["rack", "api", "ca", "token"])("answers null without steelyard.%s", (name) => {
    expect(readBootParameters(LINE.replace(`steelyard.${name}=`, "other="))).toBeNull();
  });

  it("answers null for a CA digest that is none", () => {
    expect(readBootParameters(LINE.replace(HASH, "ab"))).toBeNull();
  });
});
