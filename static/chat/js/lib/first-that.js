/** The index of the first of `things` that passes `test`, where all behind it pass as well; their number where none does. */
export function firstThat(things, test) {
  let low = 0;
  let high = things.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (test(things[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}
