// @ts-check
// What a program tells: to the demo that started it, or in lines.

/** The demo has gone; "disconnect" says so as well. */
function unheard() {}

/** @param {{ type: string, [key: string]: unknown }} message */
export function tellParent(message) {
  if (process.connected) process.send?.(message, undefined, undefined, unheard);
  else if (process.send === undefined && message.type !== "status") console.log(JSON.stringify(message));
}
