import { Page } from "../../ui/page";

export default function ModelPage() {
  return <Page title="model">{null}</Page>;
}
