/** How far a BMC's certificate is believed. Fingerprints are SHA-256, lower-case hex. */
export type TlsPolicy =
  /** `pin` is what was seen and recorded before; `null`: the first one is taken, and then held to. */
  | { readonly mode: "PinOnFirstUse"; readonly pin: string | null }
  | { readonly mode: "Pin"; readonly pin: string }
  /** `ca`: PEM bundle; `null`: what the system trusts. The host's name is verified as well. */
  | { readonly mode: "Verify"; readonly ca: string | null }
  | { readonly mode: "Insecure" };

/** Reads fingerprints as people paste them: with colons, in capitals. */
export const normalPin = (text: string): string => text.toLowerCase().replaceAll(":", "");
