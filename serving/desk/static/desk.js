// Moves the code of a sign-in link from the address into the form and sends it. Without script one pastes it.
const form = document.getElementById("enter");
const code = decodeURIComponent(location.hash.slice(1));
if (form && code) {
  history.replaceState(null, "", location.pathname + location.search);
  form.elements.code.value = code;
  form.requestSubmit();
}
