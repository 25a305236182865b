export const version = {
  title: "Version",
};
