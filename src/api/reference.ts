import { z } from "zod";

/** Another object, by name. The length is a bound for the cost of CEL rules, too. */
export const Ref = z.object({ name: z.string().min(1).max(253).describe("The object's name.") });

/** A RFC 1123 label: what zones and machines' interfaces are named by. */
export const Label = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);

/** Six pairs of hexadecimal digits with colons; any case. */
export const MacAddress = z
  .string()
  .max(17)
  .regex(/^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/);

const OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
export const Ipv4Address = z
  .string()
  .max(15)
  .regex(new RegExp(`^(${OCTET}\\.){3}${OCTET}$`));

/** `sha256:<hex>` or `sha512:<hex>`. */
export const Digest = z
  .string()
  .max(135)
  .regex(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/);

/** Seconds as a duration that people and kubectl read: "600s". */
export const Seconds = z
  .string()
  .max(16)
  .regex(/^[0-9]+s$/);

/** A number, or a share: core/v1's IntOrString. */
export const IntOrPercent = z
  .union([
    z.int().min(0),
    z
      .string()
      .max(4)
      .regex(/^(100|[1-9]?[0-9])%$/),
  ])
  .meta({ "x-kubernetes-int-or-string": true });

/** A Kubernetes quantity: `64`, `"250Gi"`. */
const Quantity = z
  .union([
    z.int().min(0),
    z
      .string()
      .max(32)
      .regex(/^[0-9]+(\.[0-9]+)?([KMGTPE]i|[numkMGTPE]|[eE][0-9]+)?$/),
  ])
  .meta({ "x-kubernetes-int-or-string": true });

/** Amounts by the resource's name, as in a Node's `status.capacity`. */
export const Capacity = z.record(z.string(), Quantity);

/** RFC 3339, UTC, seconds. */
export const Time = z.string().max(32).meta({ format: "date-time" });
