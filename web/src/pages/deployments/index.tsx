import { Page } from "../../ui/page";

export default function DeploymentsPage() {
  return <Page title="deployments">{null}</Page>;
}
