/** An item of a {@link LinkedList}; in one list at most. */
export interface Linked<Item> {
  before?: Item | undefined;
  after?: Item | undefined;
}

/** First in, first out; any item can leave from anywhere. Joining and leaving are O(1). */
export class LinkedList<Item extends Linked<Item>> {
  head: Item | undefined;
  size = 0;
  #tail: Item | undefined;

  push(item: Item): void {
    item.before = this.#tail;
    if (this.#tail) this.#tail.after = item;
    else this.head = item;
    this.#tail = item;
    this.size++;
  }

  /** Takes out an item of this list. */
  remove(item: Item): void {
    const { before, after } = item;
    if (before) before.after = after;
    else this.head = after;
    if (after) after.before = before;
    else this.#tail = before;
    item.before = item.after = undefined;
    this.size--;
  }
}
