// Says what is missing where the page was opened without the key that stands behind # in the demo's address.
const key = window.location.hash.slice(1);
const answer = await fetch("/api/state", { headers: { "X-Simcord-Capability": key } });
if (answer.status === 401) {
  const text = document.createElement("section");
  text.className = "preview-empty";
  text.id = "address-incomplete";
  text.textContent = key
    ? "This is the address of a demo that has ended. Copy the one that make demo prints now."
    : "This address lacks its end: # and the key behind it. Copy all of the address that make demo prints.";
  document.body.replaceChildren(text);
}
