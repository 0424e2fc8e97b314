// The open conversation stands in the page's address: it can be reloaded, and left by "back".

const messages = document.querySelector("order-messages");

messages.addEventListener("order-messages:select", ({ detail }) => {
  const address = new URL(location.href);
  if (detail.order_id === null) address.searchParams.delete("order");
  else address.searchParams.set("order", detail.order_id);
  history.pushState(null, "", address);
});
addEventListener("popstate", () => {
  messages.orderId = new URL(location.href).searchParams.get("order");
});
