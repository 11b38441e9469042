import { z } from "zod";
import { Ref } from "./reference.ts";

/** How far a BMC's certificate is believed. */
export const TLS_MODES = ["PinOnFirstUse", "Verify", "Pin", "Insecure"] as const;

export const MachineBmc = z
  .object({
    address: z
      .string()
      .min(1)
      .max(512)
      .describe("redfish://host[:port][/redfish/v1/Systems/1] or ipmi://host[:port].")
      .meta({
        "x-kubernetes-validations": [
          {
            rule: "self.startsWith('redfish://') || self.startsWith('ipmi://')",
            message: "write redfish://HOST[:PORT][/redfish/v1/Systems/ID] or ipmi://HOST[:PORT]",
          },
          {
            rule: "!self.contains('@')",
            message:
              "the address takes no user or password: write them into the Secret of credentialsRef",
          },
        ],
      }),
    credentialsRef: Ref.describe(
      "A Secret of type kubernetes.io/basic-auth in the same namespace: username and password.",
    ),
    tls: z
      .object({
        mode: z
          .enum(TLS_MODES)
          .default("PinOnFirstUse")
          .describe(
            "PinOnFirstUse: the certificate seen first is believed from then on. Verify: by a CA. Pin: by its fingerprint. Insecure: whatever comes.",
          ),
        caBundleRef: Ref.optional().describe("For Verify: a Secret with the key ca.crt."),
        fingerprintSHA256: z
          .string()
          .max(95)
          .regex(/^([0-9a-fA-F]{2}:?){32}$/)
          .optional()
          .describe("For Pin: of the BMC's certificate."),
      })
      .optional()
      .describe("Default: PinOnFirstUse; the pin is in status.identity.bmcFingerprint.")
      .meta({
        "x-kubernetes-validations": [
          {
            rule: "!has(self.mode) || self.mode != 'Pin' || has(self.fingerprintSHA256)",
            message: "mode Pin needs fingerprintSHA256",
          },
          {
            rule: "!has(self.mode) || self.mode != 'Verify' || has(self.caBundleRef)",
            message: "mode Verify needs caBundleRef",
          },
        ],
      }),
  })
  .describe("The baseboard management controller.");
