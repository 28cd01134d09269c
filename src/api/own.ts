/** What `map` holds under a name from outside: `constructor` and its kin, which every object inherits, only where somebody put them there. */
export function own<T>(map: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return map !== undefined && Object.hasOwn(map, name) ? map[name] : undefined;
}
