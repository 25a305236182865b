import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["src/api/schema.d.ts", "node_modules"] },
  ...tseslint.configs.strict,
  {
    rules: {
      complexity: ["error", 12],
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", { max: 80, skipComments: true }],
      "max-params": ["error", 5],
      "no-restricted-syntax": [
        "error",
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: "What people wrote stays text; nothing is set as HTML.",
        },
        { selector: "JSXAttribute[name.name='style'] Literal", message: "Styles live in src/styles." },
      ],
    },
  },
);
