interface Entry {
  readonly key: string;
  readonly due: number;
}

/** Keys that wait for their time: a binary heap by `due`. A key waits once, for its earliest time. */
export class Waiting {
  readonly #due = new Map<string, number>();
  readonly #heap: Entry[] = [];

  get size(): number {
    return this.#due.size;
  }

  put(key: string, due: number): void {
    const before = this.#due.get(key);
    if (before !== undefined && before <= due) return;
    this.#due.set(key, due);
    this.#heap.push({ key, due });
    this.#up(this.#heap.length - 1);
  }

  drop(key: string): void {
    this.#due.delete(key); // its entry in the heap is stale now, and skipped when it comes up
  }

  /** When the next key is due; undefined when none waits. */
  next(): number | undefined {
    return this.#top()?.due;
  }

  /** Takes the next key whose time has come. */
  take(now: number): string | undefined {
    const top = this.#top();
    if (top === undefined || top.due > now) return undefined;
    this.#pop();
    this.#due.delete(top.key);
    return top.key;
  }

  #top(): Entry | undefined {
    let top = this.#heap[0];
    while (top !== undefined && this.#due.get(top.key) !== top.due) {
      this.#pop();
      top = this.#heap[0];
    }
    return top;
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
  }

  #up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfEarlier(at, parent)) return;
      at = parent;
    }
  }

  #down(from: number): void {
    let at = from;
    while (true) {
      const left = 2 * at + 1;
      const earlier = this.#earlier(left, left + 1);
      if (!this.#swapIfEarlier(earlier, at)) return;
      at = earlier;
    }
  }

  #dueAt(at: number): number {
    return this.#heap[at]?.due ?? Number.POSITIVE_INFINITY;
  }

  #earlier(a: number, b: number): number {
    return this.#dueAt(b) < this.#dueAt(a) ? b : a;
  }

  /** Swaps child and parent if the child is due before it. */
  #swapIfEarlier(child: number, parent: number): boolean {
    const below = this.#heap[child];
    const above = this.#heap[parent];
    if (below === undefined || above === undefined || below.due >= above.due) return false;
    this.#heap[child] = above;
    this.#heap[parent] = below;
    return true;
  }
}
