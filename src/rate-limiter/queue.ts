/** What can stand in a {@link Queue}, and in one only. */
export interface Linked<Item> {
  before?: Item | undefined;
  after?: Item | undefined;
}

/** First in, first out; anybody can leave from anywhere. Joining and leaving are O(1). */
export class Queue<Item extends Linked<Item>> {
  head: Item | undefined;
  size = 0;
  #tail: Item | undefined;

  push(item: Item): void {
    item.before = this.#tail;
    if (this.#tail === undefined) this.head = item;
    else this.#tail.after = item;
    this.#tail = item;
    this.size++;
  }

  /** Takes out somebody who stands in this queue. */
  remove(item: Item): void {
    const { before, after } = item;
    if (before === undefined) this.head = after;
    else before.after = after;
    if (after === undefined) this.#tail = before;
    else after.before = before;
    item.before = item.after = undefined;
    this.size--;
  }
}
