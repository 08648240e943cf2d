/** Puts a value into a map with at most `most` entries. The entry that was put or renewed longest ago is removed first. */
export function putBounded(map, key, value, most) {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value);
}
