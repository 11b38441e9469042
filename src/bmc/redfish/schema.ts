/** What we read of Redfish's resources (DSP2046). Loose: BMCs say more, and say odd things. */
import { z } from "zod";

const text = z.string().nullish().catch(null);
const texts = z.array(z.string()).nullish().catch(null);

const Reset = z.looseObject({
  target: z.string().optional(),
  "ResetType@Redfish.AllowableValues": texts,
  "@Redfish.ActionInfo": text,
});

const Boot = z.looseObject({
  BootSourceOverrideEnabled: text,
  BootSourceOverrideTarget: text,
  BootSourceOverrideMode: text,
  "BootSourceOverrideTarget@Redfish.AllowableValues": texts,
});
export type Boot = z.output<typeof Boot>;

export const ComputerSystem = z.looseObject({
  PowerState: z.string().nullish(),
  UUID: text,
  SerialNumber: text,
  Manufacturer: text,
  Model: text,
  Boot: Boot.nullish().catch(null),
  Actions: z.looseObject({ "#ComputerSystem.Reset": Reset.optional() }).nullish().catch(null),
  "@odata.etag": text,
});
export type ComputerSystem = z.output<typeof ComputerSystem>;

export const Collection = z.looseObject({
  Members: z.array(z.looseObject({ "@odata.id": z.string() })),
});

/** DSP0266 section 7.9.1: what an action takes, where it is not said beside the action. */
export const ActionInfo = z.looseObject({
  Parameters: z.array(z.looseObject({ Name: z.string(), AllowableValues: texts })),
});
