/** Puts a value into a map with at most `most` entries. It removes the least recently put entry first. */
export function putBounded(map, key, value, most) {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value);
}
