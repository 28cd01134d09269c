/** The annotation in which kubectl keeps the document of its last client-side apply. */
export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
