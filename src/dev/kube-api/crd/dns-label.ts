/** DNS-1035 labels: names of kinds, plurals and versions. */
export function isDnsLabel(name: string): boolean {
  return /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name);
}

export const LABEL_RULE =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

export const MIXED_CASE_RULE = `may have mixed case, but should otherwise match: ${LABEL_RULE}`;
