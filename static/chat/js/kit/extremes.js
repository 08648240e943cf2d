/** The least and the greatest of many numbers. `Math.min(...numbers)` throws for more than about 100,000. */
export function least(numbers, start = Infinity) {
  let found = start;
  for (const number of numbers) if (number < found) found = number;
  return found;
}

export function greatest(numbers, start = -Infinity) {
  let found = start;
  for (const number of numbers) if (number > found) found = number;
  return found;
}
