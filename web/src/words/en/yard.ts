export const yard = {
  title: "Yard",
};
