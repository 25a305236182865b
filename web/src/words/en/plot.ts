/** Plots: what is said of their figures. */

export const plot = {
  place: "Place",
  time: "Time",
  keys: "The left and right arrow keys read the values one after another.",
  none: "There are no figures to draw.",
  notPositive: (count: string) => `Not drawn: ${count}. A logarithmic axis has no place for zero and less.`,
  notFinite: (count: string) => `Not drawn: ${count}, being no finite numbers.`,
  value: "value",
  values: "values",
  rows: (shown: string, all: string) => `${shown} of ${all} rows, evenly chosen.`,
  at: (place: string, values: string) => `${place}: ${values}`,
  of: (name: string, value: string) => `${name} ${value}`,
};
