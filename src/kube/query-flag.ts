/** Whether a parameter of a request is set: to an API server every value is true but these, an empty one too. */
export function isSet(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value.toLowerCase() !== 'false' && value !== '0';
}
