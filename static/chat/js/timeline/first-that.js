/** The index of the first of `things` that passes `test`, if all later ones pass too; their number if none passes. */
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
