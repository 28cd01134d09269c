import type { Crd, CrdVersion, Schema } from '../openapi/crd.ts';
import { MIR_GROUP } from './mir-shape.ts';
import definition from './devices.iot.mir.json' with { type: 'json' };

/** The CRD of the stored devices, as `crds/devices.iot.mir.yaml` has it. */
const STORED_DEFINITION = definition as unknown as Crd;

const META: Schema = {
  type: 'object',
  description:
    'Which device this is, and what people say about it: an alias of metadata. A write may say either; key by key the one that ' +
    'differs from what is stored wins, and two different changes are refused.',
  properties: {
    name: { type: 'string', description: 'Name of the twin, unique within the namespace. It cannot be changed.' },
    namespace: { type: 'string', description: 'The namespace that the twin is in. It cannot be changed.' },
    labels: {
      type: 'object',
      description: 'Values that twins are selected by.',
      additionalProperties: { type: 'string' },
    },
    annotations: {
      type: 'object',
      description: 'Values that twins are not selected by; those of tools are shown in metadata only.',
      additionalProperties: { type: 'string' },
    },
  },
};

/** The device of `mir/v1alpha` in the form of a CRD: the stored one with `meta`, and with reported properties where Mir has them. */
export function mirDefinition(stored: Crd = STORED_DEFINITION): Crd {
  const { names, versions, scope } = stored.spec;
  const { plural, singular = '', kind, listKind = '' } = names;
  return {
    metadata: { name: `${plural}.${MIR_GROUP}` },
    spec: {
      group: MIR_GROUP,
      scope,
      // Short names and categories stay the CRD's, or everything would be shown twice.
      names: { plural, singular, kind, listKind },
      versions: versions.map(mirVersion),
    },
  };
}

function mirVersion(version: CrdVersion): CrdVersion {
  const root = version.schema?.openAPIV3Schema ?? {};
  const { apiVersion, kind, metadata, spec, properties, status } = root.properties ?? {};
  const { reported, ...statusFields } = status?.properties ?? {};
  return {
    ...version,
    schema: {
      openAPIV3Schema: {
        ...root,
        description: (root.description ?? '').replace(
          'comes back under status',
          'comes back under properties.reported',
        ),
        properties: {
          apiVersion: { ...apiVersion, description: 'Always mir/v1alpha.' },
          kind: kind ?? {},
          meta: META,
          metadata: metadata ?? {},
          spec: spec ?? {},
          properties: {
            ...properties,
            description: "The device's properties: what people want, and what the device says.",
            properties: {
              ...properties?.properties,
              ...(reported !== undefined && {
                reported: { ...reported, description: `${reported.description ?? ''} Read-only here.`.trim() },
              }),
            },
          },
          status: {
            ...status,
            description: 'What the operator says. Read-only here.',
            properties: statusFields,
          },
        },
      },
    },
  };
}
