import type { z } from "zod";
import type { Resource } from "#base/object.ts";
import { GROUP, VERSION } from "./group.ts";
import { type JsonSchema, structural } from "./structural.ts";

/** A column of `kubectl get`. `wide`: shown with `-o wide` only. */
interface Column {
  readonly name: string;
  readonly jsonPath: string;
  readonly type?: "string" | "integer" | "date" | "boolean";
  readonly wide?: true;
}

/** All that a CRD says beyond its schemas. */
export interface Kind {
  readonly resource: Resource;
  readonly description: string;
  readonly spec: z.ZodType;
  /** Kinds without one have no status subresource. */
  readonly status?: z.ZodType;
  readonly shortNames: readonly string[];
  readonly columns: readonly Column[];
  /** Fields for `kubectl get --field-selector`, and for watches that see a part only. */
  readonly selectable?: readonly string[];
  /** Where `kubectl scale` and autoscalers find what they need. */
  readonly scale?: Readonly<Record<string, string>>;
  /** CEL rules over the whole object. */
  readonly rules?: readonly { readonly rule: string; readonly message: string }[];
}

const conditionColumn = (name: string, type: string, field: "status" | "reason"): Column => ({
  name,
  jsonPath: `.status.conditions[?(@.type=="${type}")].${field}`,
});
export const READY = conditionColumn("Ready", "Ready", "status");
export const REASON = conditionColumn("Reason", "Ready", "reason");
export const AGE: Column = { name: "Age", jsonPath: ".metadata.creationTimestamp", type: "date" };

/** The CustomResourceDefinition of a kind, as an object that YAML can be made of. */
export function crd(kind: Kind): JsonSchema {
  const { resource, status } = kind;
  const { plural, kind: name } = resource;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.${GROUP}`,
      annotations: {
        "argocd.argoproj.io/sync-wave": "-10",
        "argocd.argoproj.io/sync-options": "ServerSideApply=true,Prune=false,Delete=false",
        "kustomize.toolkit.fluxcd.io/prune": "disabled",
      },
      labels: { "app.kubernetes.io/part-of": "steelyard" },
    },
    spec: {
      group: GROUP,
      names: {
        kind: name,
        listKind: `${name}List`,
        plural,
        singular: name.toLowerCase(),
        shortNames: kind.shortNames,
        categories: ["steelyard"],
      },
      scope: resource.namespaced ? "Namespaced" : "Cluster",
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema(kind) },
          ...(status !== undefined && {
            subresources: { status: {}, ...(kind.scale !== undefined && { scale: kind.scale }) },
          }),
          additionalPrinterColumns: kind.columns.map(({ wide, type = "string", ...rest }) => ({
            ...rest,
            type,
            ...(wide && { priority: 1 }),
          })),
          ...(kind.selectable !== undefined && {
            selectableFields: kind.selectable.map((jsonPath) => ({ jsonPath })),
          }),
        },
      ],
    },
  };
}

function schema({ description, spec, status, rules }: Kind): JsonSchema {
  return {
    type: "object",
    description,
    required: ["spec"],
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { type: "object" },
      spec: { description: "What is wanted.", ...structural(spec) },
      ...(status !== undefined && {
        status: {
          description: "What was found and done; programs write it.",
          ...structural(status),
        },
      }),
    },
    ...(rules !== undefined && { "x-kubernetes-validations": rules }),
  };
}
