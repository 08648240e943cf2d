/** A short sound for alerts, where the reader wants one. Browsers allow it once the page was touched. */
import { ALERT_DUE, APP_LAUNCHED, MENU_CHOSEN, SOUND_CHANGED, subscribeAll } from "./events.js";
import { openStore } from "./lib/store.js";

const KEY = "sound";
const NOTES = [
  { hertz: 659.3, at: 0 }, // E5, and a fifth above it.
  { hertz: 987.8, at: 0.11 },
];
const NOTE_SECONDS = 0.55;
const PEAK = 0.09; // Of 1: beside speech or music it is heard, and startles nobody.
const SILENCE = 0.0001; // An exponential ramp can't end at 0.
const PAUSE_MS = 3_000; // A busy room is no alarm.
const LATE_MS = 1_000; // A sound that comes later says nothing any more.

export function mount({ events }) {
  const store = openStore("localStorage");
  let context = null;
  let last = null; // The note that ends what rings.
  let rungAt = 0;

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: tell,
      [ALERT_DUE]() {
        if (!isOn() || Date.now() - rungAt < PAUSE_MS) return;
        rungAt = Date.now();
        ring();
      },
      [MENU_CHOSEN]({ entry }) {
        if (entry !== "sound") return;
        store.set(KEY, !isOn());
        tell();
        if (isOn()) ring(); // What it sounds like.
      },
    }),
    store.watch(KEY, tell),
  ];

  function isOn() {
    return store.get(KEY) === true;
  }

  function tell() {
    events.publish(SOUND_CHANGED, { isOn: isOn() });
  }

  async function ring() {
    if (!window.AudioContext || navigator.userActivation?.hasBeenActive === false) return;
    const asked = Date.now();
    context ??= new AudioContext();
    await context.resume();
    if (Date.now() - asked > LATE_MS) return;
    const end = NOTES.map(play).at(-1);
    last = end;
    end.onended = () => last === end && context?.suspend(); // An open one keeps the device awake.
  }

  function play({ hertz, at }) {
    const start = context.currentTime + at;
    const note = new OscillatorNode(context, { frequency: hertz });
    const volume = new GainNode(context, { gain: SILENCE });
    volume.gain.setValueAtTime(SILENCE, start);
    volume.gain.exponentialRampToValueAtTime(PEAK, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(SILENCE, start + NOTE_SECONDS);
    note.connect(volume).connect(context.destination);
    note.start(start);
    note.stop(start + NOTE_SECONDS);
    return note;
  }

  return function unmount() {
    ends.forEach((end) => end());
    context?.close();
    context = null;
  };
}
