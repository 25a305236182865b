import { Page } from "../../ui/page";

export default function YardPage() {
  return <Page title="yard">{null}</Page>;
}
