/** Waiting for a state: what was asked for too early is done then, rather than forgotten. */

interface Store<State> {
  readonly getState: () => State;
  readonly subscribe: (told: (state: State) => void) => () => void;
}

/** Resolves as soon as a store's state is as it should be; at once where it is. */
export function until<State>(store: Store<State>, holds: (state: State) => boolean): Promise<void> {
  return new Promise((resolve) => {
    if (holds(store.getState())) {
      resolve();
      return;
    }
    const stop = store.subscribe((state) => {
      if (!holds(state)) return;
      stop();
      resolve();
    });
  });
}
