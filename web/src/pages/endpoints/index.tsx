import { Page } from "../../ui/page";

export default function EndpointsPage() {
  return <Page title="endpoints">{null}</Page>;
}
