import { Page } from "../../ui/page";

export default function EventsPage() {
  return <Page title="events">{null}</Page>;
}
