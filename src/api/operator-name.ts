/** What the operator is called in the cluster: field manager of what it writes, component of its events, label of what it stored. */
export const OPERATOR_NAME = 'mir-operator';
