/** Makes a `Disposable` that runs `release` once, however often it is disposed. */
export function disposable(release: () => void): Disposable {
  let held = true;
  return {
    [Symbol.dispose]() {
      if (!held) return;
      held = false;
      release();
    },
  };
}
