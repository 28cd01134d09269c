import type { ResourceType } from '../resource-type.ts';
import { apiServiceType, endpointSliceType, serviceType } from './aggregation-types.ts';
import { definitionType } from './custom-resource-definition.ts';
import { configMapType, secretType } from './data-types.ts';
import { eventType } from './event.ts';
import { leaseType } from './lease.ts';
import { namespaceType } from './namespace.ts';

/** What is served before any CustomResourceDefinition is created. */
export const BUILT_IN_TYPES: readonly ResourceType[] = [
  namespaceType,
  configMapType,
  secretType,
  eventType,
  leaseType,
  definitionType,
  serviceType,
  endpointSliceType,
  apiServiceType,
];
