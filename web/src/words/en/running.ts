export const running = {
  title: "Running",
};
