/** A text in which the password of an address, and its user, are not told. */
export function withoutPassword(text: string): string {
  return text.replace(/^(\w+:\/\/)[^/]*@/, "$1***@");
}
