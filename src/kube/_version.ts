/**
 * Whether resourceVersion `a` is older than `b`. Since Kubernetes 1.35 they may be compared as
 * decimal numbers (KEP-5504); every API server on etcd has numbered them so before. What is no
 * number is taken for newer: then the watch has the last word.
 */
export function isOlder(a: string, b: string): boolean {
  if (!NUMBER.test(a) || !NUMBER.test(b)) return false;
  return a.length === b.length ? a < b : a.length < b.length;
}

const NUMBER = /^\d+$/;
