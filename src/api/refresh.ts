/** Asked anew, by another value each time, a device is to send all its reports again. Anyone who may change the object may ask. */
export const REFRESH_ANNOTATION = 'iot.mir/refresh-requested-at';

export function refreshRequestOf(annotations: Readonly<Record<string, string>> | undefined): string | undefined {
  return annotations?.[REFRESH_ANNOTATION];
}
