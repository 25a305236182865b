import { Page } from "../../ui/page";

export default function EndpointPage() {
  return <Page title="endpoint">{null}</Page>;
}
