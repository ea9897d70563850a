// The node's log as it grows: lines of the node and of guests, filtered, and held still on request.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { readLogs } from "../../../api/logs.ts";
import { Following } from "../data/following.ts";
import { LogBuffer, type LogFilter, levels } from "../data/log-buffer.ts";
import { open } from "../data/requests.ts";
import { apps, mesh } from "../data/stores.ts";
import { zoneName } from "../parts/format.ts";
import { LogList } from "../parts/log-list.tsx";
import { text } from "../text.ts";

/** Lines arrive one by one and are drawn together, after this time in ms. */
const drawEveryMs = 100;

/** The view. */
export function Logs() {
  const buffer = useMemo(() => new LogBuffer(), []);
  const filter = useSignal<LogFilter>({ app: "", node: "", level: "trace", words: "" });
  const paused = useSignal(false);
  const drawn = useSignal(0);
  const state = useSignal<Following | undefined>(undefined);
  const still = useRef(false);
  still.current = paused.value;
  useEffect(() => {
    const following = new Following({
      open: (signal) => open(readLogs, { query: { follow: "true", limit: String(buffer.capacity) }, signal }),
      onOpen: () => buffer.reopened(),
      onLine: (line) => buffer.add(line),
    });
    state.value = following;
    const timer = setInterval(() => {
      if (buffer.takeChanged() && !still.current) drawn.value++;
    }, drawEveryMs);
    return () => {
      clearInterval(timer);
      following.stop();
    };
  }, [buffer, drawn, state]);
  // The list changes with the filter, and with new lines unless it is held still.
  const shown = useMemo(
    () => buffer.select(filter.value, { held: paused.value }),
    [buffer, filter.value, drawn.value, paused.value],
  );
  const set = (part: Partial<LogFilter>): void => {
    filter.value = { ...filter.value, ...part };
  };
  const nodeNames = [mesh.value.value?.node ?? "", ...(mesh.value.value?.peers.map(({ name }) => name) ?? [])];
  return (
    <>
      <div class="heading">
        <h1>{text.logs.title}</h1>
        <p class="quiet" role="status">
          {text.logs.state[state.value?.state.value ?? "connecting"]}
          {paused.value && ` ${text.logs.held(buffer.heldBack)}`}
        </p>
      </div>
      <div class="row filters">
        <Choice
          label={text.logs.app}
          value={filter.value.app}
          options={apps.value.value?.map(({ app }) => app) ?? []}
          onChange={(app) => set({ app })}
        />
        <Choice
          label={text.logs.node}
          value={filter.value.node}
          options={nodeNames.filter((name) => name !== "")}
          onChange={(node) => set({ node })}
        />
        <label>
          {text.logs.level}{" "}
          <select value={filter.value.level} onChange={(event) => set({ level: event.currentTarget.value })}>
            {levels.map((level) => (
              <option key={level} value={level}>
                {level}
              </option>
            ))}
          </select>
        </label>
        <input
          type="search"
          class="grow"
          aria-label={text.logs.words}
          placeholder={text.logs.words}
          value={filter.value.words}
          onInput={(event) => set({ words: event.currentTarget.value })}
        />
        <button
          type="button"
          aria-pressed={paused.value}
          onClick={() => {
            paused.value = !paused.value;
            buffer.hold(paused.value);
            drawn.value++;
          }}
        >
          {paused.value ? text.logs.resume : text.logs.pause}
        </button>
      </div>
      <LogList lines={shown} follow={!paused.value} />
      <p class="quiet">{text.logs.bound(buffer.capacity, zoneName)}</p>
    </>
  );
}

function Choice({
  label,
  value,
  options,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly options: readonly string[];
  readonly onChange: (value: string) => void;
}) {
  return (
    <label>
      {label}{" "}
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">{text.logs.any}</option>
        {options.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </label>
  );
}
