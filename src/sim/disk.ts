/** What is on a simulated disk. Contents are not kept, only whose they are. */
export type DiskContent =
  | { readonly kind: "blank" }
  /** Somebody's data that was there before us. */
  | { readonly kind: "foreign" }
  /** What a quick erase leaves, or one that was broken off: data without a signature to see it by. */
  | { readonly kind: "remains" }
  /** The write of an image was begun and never finished. */
  | { readonly kind: "partial"; readonly digest: string }
  /** `seed`: the files of its NoCloud seed; `null`: none was written. */
  | {
      readonly kind: "image";
      readonly digest: string;
      readonly seed: Readonly<Record<string, string>> | null;
    };

export interface DiskModel {
  /** As the kernel names it, e.g. "sda". */
  readonly name: string;
  readonly wwn: string;
  readonly serial: string;
  readonly model: string;
  readonly sizeBytes: number;
  readonly rotational: boolean;
  readonly logicalSectorBytes: 512 | 4096;
}

export interface SimulatedDisk extends DiskModel {
  readonly content: DiskContent;
  /** How often a write of an image was begun, and how often an erase was carried out. */
  readonly writes: number;
  readonly erases: number;
}
