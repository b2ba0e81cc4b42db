/** The right to make one call, from `tryPermit`. The first of its methods counts, the others do nothing. */
export interface Permit extends Disposable {
  /** The call has succeeded. */
  success(): void;
  /** The call has failed with `error`, which is judged as if the call had thrown it. */
  failure(error: unknown): void;
  /** The call was not made, or says nothing: gives the permit back. Also what disposing does. */
  release(): void;
}
