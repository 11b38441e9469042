/** A value that would not stay one word in a script. A bug, or somebody's attempt. */
export class UnsafeValue extends Error {
  override readonly name = "UnsafeValue";
}

/**
 * A word that means itself to iPXE: no space, no `$` (settings), `\\`, quotes or control
 * characters, and none that stands between commands. iPXE knows no way to quote, so what does not
 * fit is refused.
 *
 * @throws {@link UnsafeValue}
 */
export function word(value: string): string {
  const safe = /^[\w!%&()*+,./:;<=>?@[\]^{|}~#-]+$/.test(value);
  if (!safe || value === "||" || value === "&&" || value.startsWith("#")) {
    throw new UnsafeValue(`cannot stand in a boot script: ${JSON.stringify(value)}`);
  }
  return value;
}
