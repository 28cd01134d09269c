/**
 * Where the embedded API is known to answer otherwise than kube-apiserver. A case listed here must differ: when it no longer
 * does, its test fails and the line goes. What is not marked deliberate waits to be mended.
 */
export const KNOWN_DIFFERENCES: ReadonlyMap<string, string> = new Map([
  ['reading › a broken continue token', "deliberate: tokens are each server's own, and so is the complaint"],
  ['reading › a broken label selector', 'wording of the message'],
  ['reading › a resourceVersion that is no number', 'wording of the message'],
  ['reading › resourceVersionMatch without resourceVersion', 'answers 400 instead of 422 with causes'],
  ['writing › create without a name', 'no second cause, and details.name is empty instead of absent'],
  ['writing › create with a resourceVersion', 'answers 400 BadRequest where the real one answers 500 without a reason'],
  ['writing › create of another kind', 'answers 400 instead of 422 with causes'],
  ['writing › create of another version', 'no warning about spec'],
  ['writing › create with a broken body', 'wording of the message'],
  ['writing › create with a wrong dryRun', 'answers 400 instead of 422 with causes'],
  ['writing › replace', 'names the kind where the real one names the plural'],
  ['writing › replace under another name', 'complains of the resourceVersion before the name'],
  ['writing › json patch whose test fails', 'details are filled where the real one leaves them empty'],
  ['writing › json patch of a missing path', 'details are filled where the real one leaves them empty'],
  ['writing › strategic merge patch', 'deliberate: apply is not among the types it says it takes'],
  ['writing › patch with a wrong content type', 'deliberate: apply is not among the types it says it takes'],
  ['validation › several faults', 'order of the causes'],
  ['validation › fieldValidation=Wrong', 'answers 400 instead of 422 with causes'],
  ['validation › a field twice, Strict', 'takes a field that is there twice'],
  ['the status subresource › another subresource', 'deliberate: says what it does not implement'],
  ['deleting › delete with a foreign uid', 'wording of the message'],
  ['deleting › finalizers hold an object until they go', 'one cause less'],
  ['watching › watch from nonsense', 'answers 400 where the real one answers 500 without a reason'],
  ['watching › streaming list ends with a bookmark', 'the bookmark has a creationTimestamp'],
  ['discovery › our resources', 'no storageVersionHash, and another order of verbs'],
  ['discovery › post where nothing is created', 'answers 405 where the real one answers a plain 404'],
  ['writing › server-side apply', 'deliberate: refuses apply with 415'],
]);
