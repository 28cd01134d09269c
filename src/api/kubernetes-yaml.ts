import { FAILSAFE_SCHEMA, boolYaml11Tag, floatYaml11Tag, intYaml11Tag, mergeTag, nullYaml11Tag } from 'js-yaml';
import type { Schema } from 'js-yaml';

/**
 * YAML as Kubernetes and kubectl read it: 1.1 (`on` is true, `010` is 8) with merge keys (`<<: *anchor`), and only what JSON can
 * say: a date stays the text that it is.
 */
export const KUBERNETES_YAML: Schema = FAILSAFE_SCHEMA.withTags(
  nullYaml11Tag,
  boolYaml11Tag,
  intYaml11Tag,
  floatYaml11Tag,
  mergeTag,
);
